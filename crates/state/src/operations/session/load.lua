-- Reads a session, and prolongs one that slides and has lived through a tenth of its time.
--
-- KEYS[1]  the owner's sessions
-- ARGV     now | digest | ttl to slide by: ms, 0: it does not slide | at most so many ms in all
-- Answer   { version, value, µs when it began, µs when it ends }, or nothing
local of = live(ARGV[2])
if not of then return false end
local ttl = tonumber(ARGV[3])
if 0 < ttl and of.ends - now < ttl * 900 then
  prolong(of, ttl, tonumber(ARGV[4]))
  write(ARGV[2], of)
end
return { of.version, redis.call('HGET', KEYS[1], 'v' .. ARGV[2]), of.created, of.ends }
