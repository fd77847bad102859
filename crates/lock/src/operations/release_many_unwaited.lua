-- Gives locks back for which nobody waits, each for its holder alone.
--
-- KEYS     the locks: each the holder's token
-- ARGV     now (unused) | for each lock: token
-- Answer   for each lock 1: given back, 0: somebody waits for it, or it is not the holder's any more; where it is
--          but one lock, that number alone
if #KEYS == 1 then return redis.call('GET', KEYS[1]) == ARGV[2] and redis.call('DEL', KEYS[1]) or 0 end
local answer = {}
for i, lock in ipairs(KEYS) do
  answer[i] = redis.pcall('GET', lock) == ARGV[i + 1] and redis.call('DEL', lock) or 0
end
return answer
