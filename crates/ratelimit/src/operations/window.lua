-- Charges a sliding window, or refuses and charges nothing.
--
-- KEYS[1]  the log: 'w', base (u32), then per entry its stamp (u64, µs) and the running total (u32),
--          all big-endian, oldest first; in use is the last total less the one before the window
-- ARGV     now | limit | period: µs | grain: µs that share one entry | cost
--          | keep: ms for which the key outlives its meaning
-- Answer   remaining, µs until nothing is in use, µs to wait (0: charged), now, as four i64, big-endian: text
--          costs the server less than a table;
--          or nothing if it is blocked, which is for limiters.lua
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local limit, period, grain = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local cost = tonumber(ARGV[5])

-- The end of the present grain, so that an entry leaves the window late and never early.
local late = grain > 1 and grain or 0
local stamp = now - now % grain + late
local horizon = now - period

-- What another algorithm left under this name counts as nothing.
local log = redis.call('GET', KEYS[1])
local kind = log and string.byte(log)
if kind == 120 then return false end
local count = kind == 119 and (#log - 5) / 12 or 0

local function stamp_of(i) return (struct.unpack('>I8', log, 12 * i - 6)) end
local function total_of(i) return (struct.unpack('>I4', log, 12 * i + 2)) end
local function first_after(moment)
  local low, high = 1, count + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if moment < stamp_of(middle) then high = middle else low = middle + 1 end
  end
  return low
end
local function set(value)
  local ttl = math.ceil((stamp - now + period) / 1000) + tonumber(ARGV[6])
  redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', ttl))
end

local first, base, used, newest, repaired = 1, 0, 0, -1, false
if count > 0 then
  newest = stamp_of(count)
  if newest > stamp then
    -- The clock stepped back, or the grain was changed: what lies ahead counts as happening now, and
    -- what had left the window does not come back.
    first = first_after(math.max(horizon, newest - late - period))
    local ahead, last = first_after(stamp), struct.pack('>I8', stamp) .. struct.pack('>I4', total_of(count))
    if first > ahead then
      log, first, ahead = 'w' .. struct.pack('>I4', total_of(first - 1)) .. last, 1, 1
    else
      log = string.sub(log, 1, 12 * ahead - 7) .. last
    end
    count, newest, repaired = ahead, stamp, true
  elseif stamp_of(1) <= horizon then
    first = first_after(horizon)
  end
  base = total_of(first - 1)
  used = (total_of(count) - base) % 4294967296
end

if used + cost > limit then
  local low, high = first, count
  while low < high do
    local middle = math.floor((low + high) / 2)
    if (total_of(middle) - base) % 4294967296 >= used + cost - limit then high = middle else low = middle + 1 end
  end
  if repaired then set('w' .. struct.pack('>I4', base) .. string.sub(log, 12 * first - 6)) end
  return struct.pack('>i8i8i8i8', math.max(limit - used, 0), newest + period - now, stamp_of(low) + period - now, now)
end

local total = struct.pack('>I4', (base + used + cost) % 4294967296)
if newest == stamp and not repaired then
  redis.call('SETRANGE', KEYS[1], 12 * count + 1, total)
elseif first <= 16 and not repaired and math.floor(newest / 60000000) == math.floor(stamp / 60000000) then
  -- `keep` holds a minute to spare, so within one minute of stamps the TTL need not be renewed:
  -- APPEND costs the server a fraction of SET … PX.
  redis.call('APPEND', KEYS[1], struct.pack('>I8', stamp) .. total)
else
  -- Every so often the log is written anew, without what has left the window.
  local last = repaired and count - 1 or count
  local live = count > 0 and string.sub(log, 12 * first - 6, 12 * last + 5) or ''
  set('w' .. struct.pack('>I4', base) .. live .. struct.pack('>I8', stamp) .. total)
end
return struct.pack('>i8i8i8i8', limit - used - cost, stamp + period - now, 0, now)
