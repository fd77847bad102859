-- Keeps the answer of work that is done.
--
-- KEYS[1]  as in begin.lua
-- ARGV     now (unused) | owner | fingerprint | answer | ms for which it is kept
-- Answer   1: it is kept, 0: the work has passed to another owner
local owner, answer = unpack(redis.call('HMGET', KEYS[1], 'owner', 'answer'))
-- Where the lease ran out and nobody has begun again, the answer keeps the work from being done twice.
if owner and owner ~= ARGV[2] then return 0 end
if not answer then
  redis.call('HSET', KEYS[1], 'print', ARGV[3], 'owner', ARGV[2], 'answer', ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return 1
