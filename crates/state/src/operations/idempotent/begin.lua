-- Begins work that must not be done twice, or tells what came of it.
--
-- KEYS[1]  a hash: print, the fingerprint of the request; owner, who works; answer, once it is done
-- ARGV     now (unused) | owner | fingerprint | lease: ms
-- Answer   { 0 } it is yours | { 1 } the request is another | { 2, ms left of the lease } somebody works
--          | { 3, the answer }
local print_, owner, answer = unpack(redis.call('HMGET', KEYS[1], 'print', 'owner', 'answer'))
if print_ and print_ ~= ARGV[3] then return { 1 } end
if answer then return { 3, answer } end
-- It is ours already where the answer to an earlier try was lost.
if owner and owner ~= ARGV[2] then return { 2, redis.call('PTTL', KEYS[1]) } end
redis.call('HSET', KEYS[1], 'print', ARGV[3], 'owner', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 0 }
