-- Takes a lock from whoever holds it, and wakes who waits for it first.
--
-- KEYS     as for acquiring
-- ARGV     now | the channel of wake-ups
-- Answer   { the former holder's token, or empty; the token that was woken, or empty }
local holder, given_up = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[3])
if not holder then return { '', '' } end
redis.call('DEL', KEYS[1])
-- One that gave up did not hold it.
if given_up and string.find(given_up, '\n' .. string.match(holder, '^[^\n]*') .. '\n', 1, true) then holder = '' end
local head = first()
if head then wake(head, 0) end
return { holder, head or '' }
