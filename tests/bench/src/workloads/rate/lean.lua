-- GCRA, as lean as it can be written: one read, one write, one integer.
--
-- KEYS[1]  the moment at which the burst is full again, µs
-- ARGV     µs in which one comes back | µs in which all come back | ms for which the key lives
-- Answer   µs until the burst is full again; refused: minus the µs to wait
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local full = tonumber(redis.call('GET', KEYS[1]) or now)
if full < now then full = now end
local used = full + ARGV[1] - now
if used > tonumber(ARGV[2]) then return ARGV[2] - used end
redis.call('SET', KEYS[1], now + used, 'PX', ARGV[3])
return used
