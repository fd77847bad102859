-- Strikes off what was done, where its lease still stands.
-- KEYS queues: sorted sets by moments in µs
-- ARGV[1] now (unused); then in threes: number of the queue, what was due, end of its lease in µs
-- Answer: how many were struck off
local struck = 0
for i = 2, #ARGV, 3 do
  local queue = KEYS[tonumber(ARGV[i])]
  local score = redis.call('ZSCORE', queue, ARGV[i + 1])
  if score and tonumber(score) == tonumber(ARGV[i + 2]) then
    struck = struck + redis.call('ZREM', queue, ARGV[i + 1])
  end
end
return struck
