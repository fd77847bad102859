-- Takes what is due from queues, for as long as a lease: it is due again when that ends.
-- KEYS queues: sorted sets by moments in µs
-- ARGV[1] now in µs, or empty for the server's clock; [2] lease in µs; [3] how many
-- Answer: µs until something is due in any of the queues, -1 for never; for each queue how many wait in it; then in
--   threes: number of the queue, what is due, end of its lease in µs
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local ends = string.format('%.0f', now + ARGV[2])
local left = tonumber(ARGV[3])
local wait, answer = -1, {0}
for number, queue in ipairs(KEYS) do
  answer[1 + number] = 0
end
for number, queue in ipairs(KEYS) do
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2]
  if first then
    if tonumber(first) <= now and left > 0 then
      local due = redis.call('ZRANGEBYSCORE', queue, '-inf', string.format('%.0f', now), 'LIMIT', 0, left)
      left = left - #due
      for _, member in ipairs(due) do
        redis.call('ZADD', queue, ends, member)
        answer[#answer + 1] = number
        answer[#answer + 1] = member
        answer[#answer + 1] = ends
      end
      first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2]
    end
    local ahead = math.max(first - now, 0)
    if wait < 0 or ahead < wait then
      wait = ahead
    end
    answer[1 + number] = redis.call('ZCARD', queue)
  end
end
answer[1] = wait
return answer
