-- Claims the present period of a schedule, unless it was claimed before.
-- KEYS[1] claim: the period and whose it is
-- ARGV[1] now in µs, or empty for the server's clock; [2] length of a period in µs; [3] how long before
--   its beginning a period counts as present, in µs; [4] token of the claim
-- Answer: 1 if it is this one's, else 0; µs until the next period
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local length = tonumber(ARGV[2])
now = now + ARGV[3]
local present = math.floor(now / length)
local left = (present + 1) * length - now
local period, token = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (.*)$')
if period and tonumber(period) >= present then
  return {(tonumber(period) == present and token == ARGV[4]) and 1 or 0, left}
end
local lifetime = string.format('%.0f', math.ceil((left + length) / 1000))
redis.call('SET', KEYS[1], string.format('%.0f ', present) .. ARGV[4], 'PX', lifetime)
return {1, left}
