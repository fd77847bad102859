-- Compares a guess with the code: one attempt less, or the end of the code.
--
-- KEYS[1]  as in issue.lua
-- ARGV     now | verifier: unique for each attempt | digest of the guess
-- Answer   -1: it is right, and burned | -2: no attempts are left | -3: there is no code
--          | wrong, with so many attempts left
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local code, left, ends, by, answer = unpack(redis.call('HMGET', KEYS[1], 'code', 'left', 'ends', 'by', 'answer'))
if not ends or tonumber(ends) <= now then return -3 end
-- It was answered already, and the answer was lost.
if by == ARGV[2] and answer then return tonumber(answer) end
left = tonumber(left)
if left == 0 then return -2 end
if not code then return -3 end
-- Digests of equal length under a key that no client knows: how long this takes tells nothing.
if code == ARGV[3] then
  redis.call('HDEL', KEYS[1], 'code')
  answer = -1
else
  answer = redis.call('HINCRBY', KEYS[1], 'left', -1)
  if answer == 0 then redis.call('HDEL', KEYS[1], 'code') end
end
redis.call('HSET', KEYS[1], 'by', ARGV[2], 'answer', answer)
return answer
