-- Puts an invalidation into a queue, and tells the processes when it is the next to come.
-- KEYS[1] queue: a sorted set by moments in µs, [2] stream of changes
-- ARGV[1] now in µs, or empty for the server's clock; [2] the moment in µs, or empty; [3] else how long from now
--   in µs; [4] what is invalidated; [5] how long a value of before the moment may live, in ms; [6] how many may
--   wait; [7] how far ahead the moment may be, in µs; [8] lifetime of the stream in ms; [9] about how many entries
--   it keeps; [10] field of the entity, [11] entity; [12] field of the time until the moment
-- Answer: 1, the moment, µs until then; or 2 when as many wait; or 3 when the moment is too far
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local at = tonumber(ARGV[2]) or now + ARGV[3]
local wait = math.max(at - now, 0)
if wait > tonumber(ARGV[7]) then
  return {3, 0, 0}
end
local moment = string.format('%.0f', at)
local member = moment .. ':' .. ARGV[4]
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[6]) and not redis.call('ZSCORE', KEYS[1], member) then
  return {2, 0, 0}
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
redis.call('ZADD', KEYS[1], moment, member)
local lifetime = math.max(redis.call('PTTL', KEYS[1]), math.ceil(wait / 1000) + ARGV[5])
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', lifetime))
-- Every process plans to look at the first moment that it knows of; later ones it finds then.
if not first or at < tonumber(first) then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[9], '*', ARGV[10], ARGV[11], ARGV[12], string.format('%.0f', wait))
  redis.call('PEXPIRE', KEYS[2], ARGV[8])
end
return {1, at, wait}
