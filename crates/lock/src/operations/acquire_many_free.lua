-- Takes locks that nobody holds, and mints their fences.
--
-- KEYS     the fence: the last one minted, a whole number
-- KEYS     for each lock: the holder's token, then tokens of those who do not want it any more
-- ARGV     now | for each lock: token, ttl: ms
-- Answer   for each lock its fence, or how many ms another holds it yet, below zero, or 0: it has to be asked for
local answer, fence, more = {}, nil, 0
for i = 2, #KEYS, 2 do
  local lock, token, ttl = KEYS[i], ARGV[i], ARGV[i + 1]
  local outcome = 0
  if redis.call('EXISTS', KEYS[i + 1]) == 0 then
    if redis.call('SET', lock, token, 'NX', 'PX', ttl) then
      if fence then
        more = more + 1
      else
        fence = mint(KEYS[1], clock or (redis.call('PEXPIRETIME', lock) - ttl) * 1000)
      end
      outcome = fence + more
    else
      -- A lock of another type than a string is nobody else's trouble.
      local holder = redis.pcall('GET', lock)
      if type(holder) == 'string' and holder ~= token and holder ~= token .. WAITED_FOR then
        outcome = math.min(-redis.call('PTTL', lock), 0)
      end
    end
  end
  answer[i / 2] = outcome
end
if 0 < more then redis.call('INCRBY', KEYS[1], more) end
return answer
