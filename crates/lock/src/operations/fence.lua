-- Milliseconds for which a fence outlives its lease, at least a day longer than its use.
local FENCE_LIFE = 172800000

-- Mints the next fence of a lock: by the clock, so that a lost fence key does not start again from one;
-- above the last one, so that a clock that steps back does not either.
local function mint(key, last, ttl)
  local fence = math.max((last or 0) + 1, now())
  if last and math.floor(last / 86400000000) == math.floor(fence / 86400000000) then
    -- Within a day the TTL need not be renewed: INCRBY costs the server a fraction of SET … PX.
    redis.call('INCRBY', key, fence - last)
  else
    redis.call('SET', key, string.format('%.0f', fence), 'PX', ttl + FENCE_LIFE)
  end
  return fence
end
