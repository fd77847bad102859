-- Who waits for a lock. One set orders the waiting tokens by their arrival, the other tells when each asked
-- last; both in microseconds of the server. Every script with this has their names as KEYS[4] and KEYS[5],
-- and as its last argument the beginning of the names of the channels on which processes are told.
local queue, seen, channel = KEYS[4], KEYS[5], ARGV[#ARGV]

-- A waiter asks at least once a second; one that has not for this long is taken for dead.
local PATIENCE = 3000000
-- Milliseconds after the last question of anybody.
local LIFE = 60000
-- Milliseconds for which a question may be on its way after nobody waits for its answer any more.
local UNDER_WAY = 60000

local function whole(number) return string.format('%.0f', number) end

local function line_up(token)
  redis.call('ZADD', queue, 'NX', whole(now()), token)
  redis.call('ZADD', seen, whole(now()), token)
  redis.call('PEXPIRE', queue, LIFE)
  redis.call('PEXPIRE', seen, LIFE)
end

local function leave(token)
  if redis.call('ZREM', queue, token) == 1 then redis.call('ZREM', seen, token) end
end

-- The first who waits, and lives.
local function first()
  while true do
    local head = redis.call('ZRANGE', queue, 0, 0)[1]
    if not head then return nil end
    local asked = tonumber(redis.call('ZSCORE', seen, head) or nil)
    -- After a step of the clock the past may seem to lie ahead.
    if asked and math.abs(now() - asked) <= PATIENCE then return head end
    redis.call('ZREM', queue, head)
    redis.call('ZREM', seen, head)
  end
end

-- Tells the process whose token this is that it may have the lock, or under which fence it has it (0: it has
-- to ask). Where channels are forbidden, it finds out by asking.
local function wake(token, fence)
  redis.pcall('PUBLISH', channel .. ':{' .. string.sub(token, 1, 32) .. '}', whole(fence) .. ' ' .. token)
end

local function is_done(done, token)
  return done and string.find(done, ' ' .. token .. ' ', 1, true)
end

-- Remembers that a token is done with the lock: the newest stand first, and the oldest are forgotten.
local function add_done(done, token)
  redis.call('SET', KEYS[3], ' ' .. token .. string.sub(done or ' ', 1, 2048), 'PX', UNDER_WAY)
end
