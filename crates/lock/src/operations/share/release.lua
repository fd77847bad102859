-- Gives a share back, and wakes who waits first.
--
-- KEYS     as for acquiring a share
-- ARGV     now | token | kind | 1: it was granted, 0: it never got to know | how long a question may be on
--          its way: ms | the channel of wake-ups
-- Answer   { 1: given back, 0: it had ended; the token that was woken, or empty }
local token = ARGV[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', whole(now()))
local was_held = redis.call('ZREM', KEYS[1], ARGV[3] .. ' ' .. token) == 1
local unwanted = redis.call('GET', KEYS[3])
local is_known = unwanted and string.find(unwanted, ' ' .. token .. ' ', 1, true)
if not is_known then
  -- By this the same request, sent again after a lost answer, is told the same, and a question that is
  -- still on its way gets nothing. The newest tokens stand first, and the oldest are forgotten.
  if was_held or ARGV[4] == '0' then
    redis.call('SET', KEYS[3], ' ' .. token .. string.sub(unwanted or ' ', 1, 2048), 'PX', ARGV[5])
  end
  if ARGV[4] == '0' then leave(token) end
end
local outcome = (was_held or is_known) and 1 or 0
local head = first()
if head and string.sub(head, 1, 32) ~= string.sub(token, 1, 32) then wake(head) end
return { outcome, head or '' }
