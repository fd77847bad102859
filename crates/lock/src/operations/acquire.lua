-- Takes a lock if it is free, and mints its fence.
--
-- KEYS[1]  the lock: the holder's token
-- KEYS[2]  the fence: the last one minted, a whole number
-- ARGV     now | token | ttl: ms | ttl of the fence: ms, at least a day longer than its use
-- Answer   { 1, fence }, or { 0, ms until the lock ends (-1: never) } if another holds it
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local token = ARGV[2]

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= token then return { 0, redis.call('PTTL', KEYS[1]) } end
redis.call('SET', KEYS[1], token, 'PX', ARGV[3])

local last = tonumber(redis.call('GET', KEYS[2]))
-- It is ours already: the answer to an earlier try was lost.
if holder and last then return { 1, last } end

-- By the clock, so that a lost fence key does not start again from one; above the last one, so that a
-- clock that steps back does not either.
local fence = math.max((last or 0) + 1, now)
if last and math.floor(last / 86400000000) == math.floor(fence / 86400000000) then
  -- Within a day the TTL need not be renewed: INCRBY costs the server a fraction of SET … PX.
  redis.call('INCRBY', KEYS[2], string.format('%.0f', fence - last))
else
  redis.call('SET', KEYS[2], string.format('%.0f', fence), 'PX', ARGV[4])
end
return { 1, fence }
