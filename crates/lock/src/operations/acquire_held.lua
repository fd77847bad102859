-- Takes a lock that others may hold or wait for, and mints its fence.
--
-- KEYS[1]  the lock: the holder's token
-- KEYS[2]  the fence: the last one minted, a whole number
-- KEYS[3]  tokens of those who do not want it any more
-- KEYS[4]  who waits, by arrival
-- KEYS[5]  who waits, by the last question
-- ARGV     now | token | ttl: ms | w: waits if it can't be had, f: leaves it to those who wait, wf: both
--          | the channel of wake-ups
-- Answer   the fence, or { ms until the lock ends (-1: nobody knows), the last fence (0: nobody knows) }
--          if it can't be had
local token, ttl, wish = ARGV[2], ARGV[3], ARGV[4]
local waits = wish == 'w' or wish == 'wf'

local holder, last = redis.call('GET', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or nil)
-- It may have been given up while this question was on its way; or while the one was by which the holder took it.
local given_up = redis.call('GET', KEYS[3])
local is_given_up = given_up and string.find(given_up, '\n' .. token .. '\n', 1, true)
if given_up and holder and string.find(given_up, '\n' .. string.match(holder, '^[^\n]*') .. '\n', 1, true) then
  holder = nil
end
-- The commonest case first: what the others need costs the server half as much again to make.
if holder and holder ~= token and holder ~= token .. WAITED_FOR then
  if waits and not is_given_up then
    line_up(token)
    if string.sub(holder, -1) ~= WAITED_FOR then redis.call('APPEND', KEYS[1], WAITED_FOR) end
  end
  return { redis.call('PTTL', KEYS[1]), last or 0 }
end
