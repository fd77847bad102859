-- Gives locks back for which nobody waits, each for its holder alone.
--
-- KEYS     the locks: each the holder's token
-- ARGV     for each lock: token
-- Answer   for each lock 1: given back, 0: somebody waits for it, or it is not the holder's any more
local answer = {}
for i, lock in ipairs(KEYS) do
  answer[i] = redis.pcall('GET', lock) == ARGV[i] and redis.call('DEL', lock) or 0
end
return answer
