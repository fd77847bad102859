-- Raises a stamp to a later one, and keeps it at least as long as before.
-- KEYS[1] stamp
-- ARGV[1] now (unused), [2] the later stamp, [3] how long to keep it, in ms
local present = tonumber(redis.call('GET', KEYS[1]) or '0')
local stamp = math.max(present, tonumber(ARGV[2]))
local ttl = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[3]))
redis.call('SET', KEYS[1], string.format('%.0f', stamp), 'PX', string.format('%.0f', ttl))
return stamp
