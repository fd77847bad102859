-- Writes the value of a session that is there, and makes none.
--
-- KEYS[1]  the owner's sessions
-- ARGV     now | digest | version it was read at, empty: whichever | version from now on | value
--          | ttl: ms, 0: it ends when it did | at most so many ms in all
-- Answer   { 1, µs when it ends } saved, { 0 } another has saved meanwhile, { -1 } it has ended
local digest, new, ttl = ARGV[2], ARGV[4], tonumber(ARGV[6])
local of = live(digest)
if not of then return { -1 } end
-- It is saved already where the answer to an earlier try was lost.
if of.version == new then return { 1, of.ends } end
if ARGV[3] ~= '' and of.version ~= ARGV[3] then return { 0 } end
of.version, of.seen = new, math.max(of.seen, now)
if 0 < ttl then prolong(of, ttl, tonumber(ARGV[7])) end
redis.call('HSET', KEYS[1], 'v' .. digest, ARGV[5])
write(digest, of)
return { 1, of.ends }
