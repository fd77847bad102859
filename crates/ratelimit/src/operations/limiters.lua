-- Charges one or several limiters, takes charges back, or blocks.
--
-- KEYS[i]  a limiter; one key may come several times
-- ARGV     now | keep: ms for which the keys outlive their meaning
--          | verb: take (all or none), some (of each as much as there is), refund, block
--          | for each key seven: kind | size | period: µs | grain: µs, or tokens per period
--            | cost (block: µs for which everything is refused) | until, used (refund: as they were)
-- Answer   now, then for each key: remaining, µs until nothing is in use, µs to wait (0: charged), charged
--
-- kinds: w sliding window, as window.lua keeps it; g burst, as burst.lua does, its period that of one;
--        f fixed window: 'f', end (u64, µs), used (u32); b bucket: 'b', last step (u64, µs), missing (u32)
-- A blocked limiter has before that: 'x', until (u64, µs), for how long (u64, µs). All big-endian.
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local keep, verb = tonumber(ARGV[2]), ARGV[3]
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max
local function text(number) return string.format('%.0f', number) end
local function is(kind, stored) return stored and string.byte(stored) == string.byte(kind) end

local open = {}

function open.w(log, limit, period, grain)
  local late = grain > 1 and grain or 0
  local stamp = now - now % grain + late
  local entries, used, ahead = {}, 0, false
  if is('w', log) then
    local before = struct.unpack('>I4', log, 2)
    local newest = #log > 5 and struct.unpack('>I8', log, #log - 11) or 0
    -- What had left the window does not come back when the clock steps back.
    local horizon = max(now, newest - late) - period
    for i = 1, (#log - 5) / 12 do
      local at, total = struct.unpack('>I8I4', log, 12 * i - 6)
      if horizon < at then
        if stamp < at then at, ahead = stamp, true end
        local count = (total - before) % 4294967296
        table.insert(entries, { at, count })
        used = used + count
      end
      before = total
    end
  end
  local function newest() return entries[#entries] end
  local function reset() return newest() and newest()[1] + period - now or 0 end
  return {
    ahead = ahead,
    left = function() return max(limit - used, 0) end,
    reset = reset,
    wait = function(cost)
      local missing = used + cost - limit
      if missing <= 0 then return 0 end
      for _, entry in ipairs(entries) do
        missing = missing - entry[2]
        if missing <= 0 then return entry[1] + period - now end
      end
      return reset()
    end,
    charge = function(cost)
      used = used + cost
      if newest() and newest()[1] == stamp then
        newest()[2] = newest()[2] + cost
      else
        table.insert(entries, { stamp, cost })
      end
    end,
    -- The oldest go, whosever they are: what stays leaves no earlier than what it stands for.
    refund = function(cost, till)
      while till > now and cost > 0 and entries[1] do
        local dropped = min(entries[1][2], cost)
        used, cost = used - dropped, cost - dropped
        entries[1][2] = entries[1][2] - dropped
        if entries[1][2] == 0 then table.remove(entries, 1) end
      end
    end,
    pack = function()
      local parts, total = { 'w', struct.pack('>I4', 0) }, 0
      for _, entry in ipairs(entries) do
        total = (total + entry[2]) % 4294967296
        table.insert(parts, struct.pack('>I8I4', entry[1], total))
      end
      return table.concat(parts)
    end,
  }
end

function open.g(stored, size, interval)
  local span = size * interval
  stored = tonumber(stored or nil)
  local full = min(max(stored or now, now), now + span)
  return {
    ahead = stored and now + span < stored,
    left = function() return floor((now + span - full) / interval) end,
    reset = function() return full - now end,
    wait = function(cost) return max(full + cost * interval - now - span, 0) end,
    charge = function(cost) full = full + cost * interval end,
    -- What has come back by itself is not given twice.
    refund = function(cost, till) full = full - max(min(cost * interval, till - now, full - now), 0) end,
    pack = function() return text(full) end,
  }
end

function open.f(stored, limit, period)
  local ends, used, ahead = now + period, 0, false
  if is('f', stored) then
    local kept, count = struct.unpack('>I8I4', stored, 2)
    if now < kept then ends, used, ahead = min(kept, ends), count, ends < kept end
  end
  return {
    ahead = ahead,
    left = function() return max(limit - used, 0) end,
    reset = function() return used > 0 and ends - now or 0 end,
    wait = function(cost) return used + cost > limit and cost > 0 and ends - now or 0 end,
    charge = function(cost) used = used + cost end,
    refund = function(cost, till) if till == ends then used = max(used - cost, 0) end end,
    pack = function() return 'f' .. struct.pack('>I8I4', ends, used) end,
  }
end

function open.b(stored, size, period, refill)
  local stepped, missing, ahead = now, 0, false
  if is('b', stored) then
    local at, gone = struct.unpack('>I8I4', stored, 2)
    stepped, missing = min(at, now), min(gone, size)
    ahead = stepped < at or missing < gone
    local steps = floor((now - stepped) / period)
    missing = max(missing - steps * refill, 0)
    stepped = missing == 0 and now or stepped + steps * period
  end
  local function wait(tokens)
    return tokens > 0 and max(stepped + ceil(tokens / refill) * period - now, 0) or 0
  end
  return {
    ahead = ahead,
    left = function() return max(size - missing, 0) end,
    reset = function() return wait(missing) end,
    wait = function(cost) return wait(cost - max(size - missing, 0)) end,
    charge = function(cost) missing = missing + cost end,
    -- What has come back by itself is not given twice.
    refund = function(cost, till, used)
      local steps = ceil(max(till - now, 0) / period)
      local back = max(ceil(used / refill) - steps, 0) * refill
      local outstanding = steps > 0 and max(used - back, 0) or 0
      missing = max(missing - min(cost, outstanding), 0)
    end,
    pack = function() return 'b' .. struct.pack('>I8I4', stepped, missing) end,
  }
end

-- A limiter with what may block it.
local function account(stored, kind, size, period, grain)
  local till, length, moved = now, 0, false
  if is('x', stored) then
    local kept
    kept, length = struct.unpack('>I8I8', stored, 2)
    stored = string.sub(stored, 18)
    till = min(kept, now + length)
    moved = till < kept and now < kept
  end
  local count = open[kind](stored, size, period, grain)
  local self = { ahead = count.ahead or moved, charge = count.charge, refund = count.refund }
  function self.left() return now < till and 0 or count.left() end
  function self.reset() return max(count.reset(), till - now) end
  function self.wait(cost) return max(count.wait(cost), till - now) end
  function self.block(span) if till < now + span then till, length = now + span, span end end
  function self.pack()
    return (now < till and 'x' .. struct.pack('>I8I8', till, length) or '') .. count.pack()
  end
  return self
end

local pending, lines, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local function arg(n) return tonumber(ARGV[7 * i - 4 + n]) end
  local stored = pending[key] or redis.call('GET', key)
  local limiter = account(stored, ARGV[7 * i - 3], arg(2), arg(3), arg(4))
  local line = { before = { limiter.left(), limiter.reset() }, wait = 0, charged = 0 }
  -- What lies ahead of the clock would, left as it is, refuse for as long.
  line.repaired = limiter.ahead and not pending[key] and limiter.pack()
  local cost = arg(5)
  if verb == 'refund' then
    limiter.refund(cost, arg(6), arg(7))
  elseif verb == 'block' then
    limiter.block(cost)
  else
    line.charged = verb == 'some' and max(min(cost, limiter.left()), 1) or cost
    line.wait = limiter.wait(line.charged)
    if line.wait == 0 then limiter.charge(line.charged) else line.charged, refused = 0, true end
  end
  line.after, line.limiter = { limiter.left(), limiter.reset() }, limiter
  if line.wait == 0 then pending[key] = limiter.pack() end
  line.value, lines[i] = line.wait == 0 and pending[key], line
end

local spared = verb == 'take' and refused
local answer = { now }
for i, line in ipairs(lines) do
  local value = spared and line.repaired or not spared and (line.value or line.repaired)
  if value then
    local ttl = ceil(line.limiter.reset() / 1000) + keep
    redis.call('SET', KEYS[i], value, 'PX', text(ttl))
  end
  local reading = spared and line.before or line.after
  table.insert(answer, reading[1])
  table.insert(answer, reading[2])
  table.insert(answer, line.wait)
  table.insert(answer, spared and 0 or line.charged)
end
return answer
