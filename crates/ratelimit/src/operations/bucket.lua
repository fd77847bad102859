-- Charges a token bucket, or refuses and charges nothing.
--
-- KEYS[1]  'b', the last step (u64, µs), how many tokens are missing after it (u32), big-endian
-- ARGV     now | size | tokens per period | period: µs | cost | keep: ms for which the key outlives its meaning
-- Answer   remaining, µs until nothing is in use, µs to wait (0: charged), now, as four i64, big-endian: text
--          costs the server less than a table;
--          or nothing if it is blocked, which is for limiters.lua
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local size, refill, period, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

-- What another algorithm left under this name counts as nothing.
local kept = redis.call('GET', KEYS[1])
local kind = kept and string.byte(kept)
if kind == 120 then return false end
local stepped, missing, is_same, ahead = now, 0, false, false
if kind == 98 then
  local at, gone = struct.unpack('>I8I4', kept, 2)
  -- The clock stepped back, or the bucket was made smaller.
  ahead = now < at or size < gone
  if at < now then stepped = at end
  if size < gone then gone = size end
  local steps = math.floor((now - stepped) / period)
  missing = gone - steps * refill
  if missing > 0 then
    stepped, is_same = stepped + steps * period, steps == 0 and not ahead
  else
    stepped, missing = now, 0
  end
end

local function full(tokens) return tokens > 0 and stepped + math.ceil(tokens / refill) * period or now end
local function set(tokens)
  local value = 'b' .. struct.pack('>I8I4', stepped, tokens)
  local ttl = math.ceil((full(tokens) - now) / 1000) + tonumber(ARGV[6])
  redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', ttl))
end
local used = missing + cost
if used > size then
  if ahead then set(missing) end
  return struct.pack('>i8i8i8i8', size - missing, full(missing) - now, full(used - size) - now, now)
end
local reset = full(used)
-- `keep` holds a minute to spare, so within one minute of fullness the TTL need not be renewed:
-- SETRANGE costs the server a fraction of SET … PX.
if is_same and math.floor(full(missing) / 60000000) == math.floor(reset / 60000000) then
  redis.call('SETRANGE', KEYS[1], 9, struct.pack('>I4', used))
else
  set(used)
end
return struct.pack('>i8i8i8i8', size - used, reset - now, 0, now)
