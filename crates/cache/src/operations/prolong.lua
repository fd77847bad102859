-- Lets a ticket stand for longer.
-- KEYS[1] ticket
-- ARGV[1] now (unused), [2] token, [3] TTL in ms
if redis.call('GET', KEYS[1]) == ARGV[2] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 0
