-- Gives a share back, and wakes who waits first.
--
-- KEYS     as for acquiring a share
-- ARGV     now | token | kind | 1: it was granted, 0: it never got to know | the channel of wake-ups
-- Answer   1: given back, 0: it had ended; where somebody was woken, that and the token
local token = ARGV[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', whole(now()))
local was_held = redis.call('ZREM', KEYS[1], ARGV[3] .. ' ' .. token) == 1
local given_up = redis.call('GET', KEYS[3])
local is_known = given_up and string.find(given_up, '\n' .. token .. '\n', 1, true)
if not is_known then
  -- By this the same request, sent again after a lost answer, is told the same, and a question that is
  -- still on its way gets nothing.
  if was_held or ARGV[4] == '0' then give_up(KEYS[3], token, 0) end
  if ARGV[4] == '0' then leave(token) end
end
local outcome = (was_held or is_known) and 1 or 0
local head = first()
if not head then return outcome end
if string.sub(head, 1, 22) ~= string.sub(token, 1, 22) then wake(head, 0) end
return { outcome, head, 0 }
