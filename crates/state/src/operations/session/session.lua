-- What the scripts of sessions share. All of an owner's sessions are one hash: for each, under `m` and its
-- digest, "version created seen ends" (times in µs), and under `v` and its digest its value. A session that
-- moved to another owner leaves its `m` with the token of the move in place of a version, and no value.
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local function text(number) return string.format('%.0f', number) end

local function meta(digest)
  local line = redis.call('HGET', KEYS[1], 'm' .. digest)
  if not line then return nil end
  local version, created, seen, ends = string.match(line, '^(%S+) (%d+) (%d+) (%d+)$')
  if not version or tonumber(ends) <= now then return nil end
  return { version = version, created = tonumber(created), seen = tonumber(seen), ends = tonumber(ends) }
end

local function live(digest)
  local found = meta(digest)
  if not found or redis.call('HEXISTS', KEYS[1], 'v' .. digest) == 0 then return nil end
  return found
end

local function write(digest, of)
  local line = table.concat({ of.version, text(of.created), text(of.seen), text(of.ends) }, ' ')
  redis.call('HSET', KEYS[1], 'm' .. digest, line)
  -- The key lives as long as the last of its sessions.
  local left = math.ceil((of.ends - now) / 1000)
  if redis.call('PTTL', KEYS[1]) < left then redis.call('PEXPIRE', KEYS[1], text(left)) end
end

local function forget(digest)
  return redis.call('HDEL', KEYS[1], 'm' .. digest, 'v' .. digest)
end

-- Lets a session end `ttl` ms from now on, but never `most` ms after its beginning; 0: no such bound.
local function prolong(of, ttl, most)
  of.seen = math.max(of.seen, now)
  of.ends = now + ttl * 1000
  if 0 < most then of.ends = math.min(of.ends, of.created + most * 1000) end
end

-- The digests of all that is in the key, without what has ended.
local function all()
  local found = {}
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, 1) == 'm' then
      local digest = string.sub(field, 2)
      local of = meta(digest)
      if not of then forget(digest)
      elseif redis.call('HEXISTS', KEYS[1], 'v' .. digest) == 1 then
        of.digest = digest
        found[#found + 1] = of
      end
    end
  end
  return found
end
