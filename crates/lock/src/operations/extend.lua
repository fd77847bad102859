-- Prolongs locks for their holders.
--
-- KEYS     the locks: each the holder's token
-- ARGV     now (unused) | for each lock: token, ttl: ms, counted from now on
-- Answer   for each lock 1: prolonged, 0: it is not the holder's any more
local answer = {}
for i, lock in ipairs(KEYS) do
  local kept = is_holder(redis.call('GET', lock), ARGV[2 * i])
  if kept then redis.call('PEXPIRE', lock, ARGV[2 * i + 1]) end
  answer[i] = kept and 1 or 0
end
return answer
