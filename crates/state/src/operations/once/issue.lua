-- Issues a token in the place of an earlier one.
--
-- KEYS[1]  as in redeem.lua
-- ARGV     now (unused) | digest | value | ttl: ms
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'digest', ARGV[2], 'value', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
