-- Charges several limiters, or refuses and charges none.
--
-- KEYS[i]  a limiter, kept as by window.lua or burst.lua; one key may come several times
-- ARGV     now | keep: ms for which the keys outlive their meaning, or empty to try and charge nothing
--          | for each key: limit | period: µs | grain: µs that share one entry | cost
--          (a burst has grain 0, its size for the limit, and the µs in which one comes back for the period)
-- Answer   for each key: remaining, µs until nothing is in use, µs to wait (0: would be charged);
--          after the charge, or as it was when nothing is charged
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local keep = tonumber(ARGV[2])

-- A trial: what is left before and after, µs to wait, what to write if charged, what to write if not,
-- and the moment until which what is written means something.
local function burst(stored, size, interval, cost)
  local span = size * interval
  local ceiling = now + span
  stored = tonumber(stored or nil)
  local full = stored or now
  if full < now then full = now elseif ceiling < full then full = ceiling end
  local next = full + cost * interval
  local function reading(moment) return { math.floor((ceiling - moment) / interval), moment - now } end
  if next <= ceiling then
    return { before = reading(full), after = reading(next), wait = 0,
      charged = string.format('%.0f', next), until_moment = next }
  end
  local ahead = stored and ceiling < stored
  return { before = reading(full), wait = next - ceiling,
    repaired = ahead and string.format('%.0f', ceiling), until_moment = ceiling }
end

local function window(log, limit, period, grain, cost)
  local stamp = now - now % grain + grain - 1
  local entries, repaired = {}, false
  if log and string.byte(log) == 119 then
    local before = struct.unpack('>I4', log, 2)
    for i = 1, (#log - 5) / 12 do
      local at, total = struct.unpack('>I8I4', log, 12 * i - 6)
      if now - period < at then
        if stamp < at then at, repaired = stamp, true end
        table.insert(entries, { at, (total - before) % 4294967296 })
      end
      before = total
    end
  end
  local used = 0
  for _, entry in ipairs(entries) do used = used + entry[2] end
  local newest = entries[#entries]
  local trial = { wait = 0, until_moment = stamp + period }
  trial.before = { math.max(limit - used, 0), newest and newest[1] + period - now or 0 }

  local function packed()
    local parts, total = { 'w', struct.pack('>I4', 0) }, 0
    for _, entry in ipairs(entries) do
      total = (total + entry[2]) % 4294967296
      table.insert(parts, struct.pack('>I8I4', entry[1], total))
    end
    return table.concat(parts)
  end
  local missing = used + cost - limit
  if missing > 0 then
    for _, entry in ipairs(entries) do
      missing = missing - entry[2]
      if missing <= 0 then trial.wait = entry[1] + period - now; break end
    end
    trial.repaired = repaired and packed()
    return trial
  end
  if newest and newest[1] == stamp then
    newest[2] = newest[2] + cost
  else
    table.insert(entries, { stamp, cost })
  end
  trial.after = { limit - used - cost, stamp + period - now }
  trial.charged = packed()
  return trial
end

local trials, pending, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local function arg(n) return tonumber(ARGV[4 * i - 2 + n]) end
  local stored = pending[key] or redis.call('GET', key)
  local trial
  if arg(3) == 0 then
    trial = burst(stored, arg(1), arg(2), arg(4))
  else
    trial = window(stored, arg(1), arg(2), arg(3), arg(4))
  end
  if trial.wait > 0 then refused = true else pending[key] = trial.charged end
  trials[i] = trial
end

local answer = {}
for i, trial in ipairs(trials) do
  local value = trial.charged
  if refused then value = trial.repaired end
  if value and keep then
    local ttl = math.ceil((trial.until_moment - now) / 1000) + keep
    redis.call('SET', KEYS[i], value, 'PX', string.format('%.0f', ttl))
  end
  local reading = (refused or not keep) and trial.before or trial.after
  table.insert(answer, reading[1])
  table.insert(answer, reading[2])
  table.insert(answer, trial.wait)
end
return answer
