-- Prolongs a session and leaves its value alone.
--
-- KEYS[1]  the owner's sessions
-- ARGV     now | digest | ttl: ms | at most so many ms in all
-- Answer   µs when it ends, 0: there is none
local of = live(ARGV[2])
if not of then return 0 end
prolong(of, tonumber(ARGV[3]), tonumber(ARGV[4]))
write(ARGV[2], of)
return of.ends
