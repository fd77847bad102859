-- Lets shares end with the last of their leases.
local function end_with_the_last(shares)
  local last = redis.call('ZRANGE', shares, -1, -1, 'WITHSCORES')
  redis.call('PEXPIRE', shares, math.ceil((tonumber(last[2]) - now()) / 1000))
end
