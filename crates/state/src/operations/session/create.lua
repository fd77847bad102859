-- Opens a session, ending those that were seen the longest ago where an owner has too many.
--
-- KEYS[1]  the owner's sessions
-- ARGV     now | digest | version | value | ttl: ms | at most so many ms in all | most sessions of an owner
--          | digest of the session that this one takes the place of, or empty | its version
-- Answer   { 1, µs when it ends }, or { 0 } if the place is taken, or what is to be replaced has changed,
--          or { -1 } if that has ended
local digest, version, old = ARGV[2], ARGV[3], ARGV[8]
local created = now
local before = meta(digest)
if before then
  -- It is ours already where the answer to an earlier try was lost.
  if before.version == version then return { 1, before.ends } end
  return { 0 }
end
if old ~= '' then
  local replaced = live(old)
  if not replaced then return { -1 } end
  if replaced.version ~= ARGV[9] then return { 0 } end
  created = replaced.created
  forget(old)
end
local others = all()
table.sort(others, function(a, b) return a.seen < b.seen or a.seen == b.seen and a.digest < b.digest end)
for i = 1, #others + 1 - tonumber(ARGV[7]) do forget(others[i].digest) end
local of = { version = version, created = created, seen = now }
prolong(of, tonumber(ARGV[5]), tonumber(ARGV[6]))
redis.call('HSET', KEYS[1], 'v' .. digest, ARGV[4])
write(digest, of)
return { 1, of.ends }
