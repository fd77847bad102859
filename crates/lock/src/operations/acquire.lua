-- Takes a lock if it is free, and mints its fence.
--
-- KEYS[1]  the lock: the holder's token
-- KEYS[2]  the fence: the last one minted, a whole number
-- KEYS[3]  tokens of those who do not want it any more
-- KEYS[4]  who waits, by arrival
-- KEYS[5]  who waits, by the last question
-- ARGV     now | token | ttl: ms | ttl of the fence: ms, at least a day longer than its use
--          | 1: waits if it can't be had | 1: leaves it to those who wait | the channel of wake-ups
-- Answer   { 1, fence }, or { 0, ms until the lock ends (-1: nobody knows) } if it can't be had
local token, waits, is_fair = ARGV[2], ARGV[5] == '1', ARGV[6] == '1'

local holder, last, unwanted = unpack(redis.call('MGET', KEYS[1], KEYS[2], KEYS[3]))
if holder and holder ~= token then
  if waits then line_up(token) end
  return { 0, redis.call('PTTL', KEYS[1]) }
end
if not holder then
  -- It was given up while this question was on its way.
  if unwanted and string.find(unwanted, ' ' .. token .. ' ', 1, true) then return { 0, -1 } end
  local head = is_fair and first()
  if head and head ~= token then
    if waits then line_up(token) end
    wake(head)
    return { 0, -1 }
  end
end
redis.call('SET', KEYS[1], token, 'PX', ARGV[3])
if waits then leave(token) end

last = tonumber(last or nil)
-- It is ours already: the answer to an earlier try was lost.
if holder and last then return { 1, last } end

return { 1, mint(KEYS[2], last, ARGV[4]) }
