-- Gives a ticket back without a value.
-- KEYS[1] ticket, [2] waiting
-- ARGV[1] now (unused), [2] token, [3] what stands there while the load rests, [4] for how long in ms, 0 for not
-- Answers 1 when the ticket stood, 2 where somebody waits to hear of it, else 0.
if redis.call('GET', KEYS[1]) ~= ARGV[2] then
  return 0
end
if tonumber(ARGV[4]) > 0 then
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
else
  redis.call('DEL', KEYS[1])
end
return 1 + redis.call('DEL', KEYS[2])
