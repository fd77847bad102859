-- Notes visitors in a sketch of their number.
--
-- KEYS[1]  a HyperLogLog
-- ARGV     now (unused) | ms for which it lives | visitors …
-- Answer   1: the number may have risen, 0: it has not
local changed = redis.call('PFADD', KEYS[1], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return changed
