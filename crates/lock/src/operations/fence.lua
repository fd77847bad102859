-- Milliseconds for which a fence outlives its last use, at least a day of them.
local FENCE_LIFE = '172800000'

-- Mints the next fence: by the clock, so that one that was lost does not start again from one; above the last
-- one, so that a clock that steps back does not either. Whoever has counted it up already says to what.
local function mint(key, clock, counted)
  local fence = counted or redis.pcall('INCR', key)
  -- Whoever wrote something else there has lost it.
  if type(fence) ~= 'number' then fence = 0 end
  if clock <= fence then return fence end
  if math.floor(fence / 86400000000) == math.floor(clock / 86400000000) then
    -- Within a day the TTL need not be renewed: INCRBY costs the server a fraction of SET … PX.
    return redis.call('INCRBY', key, whole(clock - fence))
  end
  -- The clock to the microsecond: the one that was lost may be of this very millisecond.
  fence = math.max(fence, now())
  redis.call('SET', key, whole(fence), 'PX', FENCE_LIFE)
  return fence
end
