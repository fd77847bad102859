-- Who waits for a lock: one set orders the waiting tokens by their arrival, the other tells when those who asked
-- more than once did so last; both in microseconds of the server.

-- Milliseconds after the last question of anybody.
local LIFE = '60000'

local function line_up(token)
  if redis.call('ZADD', queue, 'NX', whole(now()), token) == 0 then
    redis.call('ZADD', seen, whole(now()), token)
    redis.call('ZREMRANGEBYSCORE', seen, '-inf', whole(now() - LIFE * 1000))
    redis.call('PEXPIRE', seen, LIFE)
  end
  redis.call('PEXPIRE', queue, LIFE)
end
