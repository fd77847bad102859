-- Who waits for a lock. One set orders the waiting tokens by their arrival, the other tells when those who asked
-- more than once did so last; both in microseconds of the server. Every script with this has their names as
-- KEYS[4] and KEYS[5], and as its last argument the beginning of the names of the channels on which processes
-- are told.
local queue, seen, channel = KEYS[4], KEYS[5], ARGV[#ARGV]

-- A waiter asks at least once a second; one that has not for this long is taken for dead.
local PATIENCE = 3000000
-- Milliseconds after the last question of anybody.
local LIFE = 60000
-- Milliseconds for which a question may be on its way after nobody waits for its answer any more.
local UNDER_WAY = 60000

local function whole(number) return string.format('%.0f', number) end

local function line_up(token)
  if redis.call('ZADD', queue, 'NX', now(), token) == 0 then
    redis.call('ZADD', seen, now(), token)
    redis.call('ZREMRANGEBYSCORE', seen, '-inf', now() - LIFE * 1000)
    redis.call('PEXPIRE', seen, LIFE)
  end
  redis.call('PEXPIRE', queue, LIFE)
end

local function leave(token)
  if redis.call('ZREM', queue, token) == 1 then redis.call('ZREM', seen, token) end
end

local function lives(token, arrived)
  -- After a step of the clock the past may seem to lie ahead.
  if math.abs(now() - arrived) <= PATIENCE then return true end
  local asked = tonumber(redis.call('ZSCORE', seen, token) or nil)
  return asked and math.abs(now() - asked) <= PATIENCE
end

-- The first who waits, and lives.
local function first()
  while true do
    local head, arrived = unpack(redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES'))
    if not head or lives(head, tonumber(arrived)) then return head end
    leave(head)
  end
end

-- Tells the process whose token this is that it may have the lock, or under which fence it has it (0: it has
-- to ask). Where channels are forbidden, it finds out by asking.
local function wake(token, fence)
  redis.pcall('PUBLISH', channel .. ':{' .. string.sub(token, 1, 32) .. '}', string.format('%.0f %s', fence, token))
end

local function has_given_up(given_up, token)
  return given_up and string.find(given_up, ' ' .. token .. ' ', 1, true)
end

-- Remembers that a token does not want the lock any more: the newest stand first, the oldest are forgotten.
local function give_up(given_up, token)
  redis.call('SET', KEYS[3], ' ' .. token .. string.sub(given_up or ' ', 1, 2048), 'PX', UNDER_WAY)
end
