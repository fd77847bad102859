-- Ends a session that goes on under another owner, if it is as it was read.
--
-- KEYS[1]  the owner's sessions
-- ARGV     now | digest | version it was read at | token of the move | ms for which the move is remembered
-- Answer   1: it has moved, 0: another has saved meanwhile, -1: it has ended
local digest, token = ARGV[2], ARGV[4]
local of = meta(digest)
if not of then return -1 end
-- It has moved already where the answer to an earlier try was lost.
if of.version == token then return 1 end
if redis.call('HEXISTS', KEYS[1], 'v' .. digest) == 0 then return -1 end
if of.version ~= ARGV[3] then return 0 end
forget(digest)
of.version, of.ends = token, now + tonumber(ARGV[5]) * 1000
write(digest, of)
return 1
