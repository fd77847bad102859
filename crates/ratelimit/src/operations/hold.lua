-- Takes, keeps or gives back a place among those that may work at the same time.
--
-- KEYS[1]  a sorted set: the tokens of the holders, each with the µs until which it has its place
-- ARGV     now | verb: enter, stay, leave | places | lease: µs | token
--          | keep: ms for which the key outlives its meaning
-- Answer   { held now: 1 or 0, places left, µs until the first of the others' leases ends (0: there is none) }
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local verb, places, lease, token = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local function text(number) return string.format('%.0f', number) end

-- The clock stepped back: a holder that has crashed would keep its place for the whole step.
for _, ahead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. text(now + lease), '+inf')) do
  redis.call('ZADD', KEYS[1], text(now + lease), ahead)
end

local till = tonumber(redis.call('ZSCORE', KEYS[1], token) or nil)
local held = till and now < till
local used = redis.call('ZCOUNT', KEYS[1], '(' .. text(now), '+inf')
if verb == 'leave' then
  if till then redis.call('ZREM', KEYS[1], token) end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
  used = held and used - 1 or used
  held = false
elseif held or verb == 'enter' and used < places then
  used = held and used or used + 1
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
  redis.call('ZADD', KEYS[1], text(now + lease), token)
  redis.call('PEXPIRE', KEYS[1], text(math.ceil(lease / 1000) + tonumber(ARGV[6])))
  held = true
end
local first = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. text(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
return { held and 1 or 0, math.max(places - used, 0), first and not held and tonumber(first) - now or 0 }
