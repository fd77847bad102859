-- Issues a code, unless that was done too often or a moment ago.
--
-- KEYS[1]  a hash: code, its digest; left, the attempts; ends, when the code does; sent and since, how many
--          were issued since when; last, when the last was; by, who issued or verified last, and answer, what
--          that one was answered; times in µs
-- ARGV     now | issuer: unique for each attempt | digest | ttl: ms | attempts | ms between two
--          | ms in which `most` may be issued | most
-- Answer   0: issued, otherwise µs until another may be
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000000 + t[2] end
local function text(number) return string.format('%.0f', number) end
local ttl, pause, window, most = ARGV[4] * 1000, ARGV[6] * 1000, ARGV[7] * 1000, tonumber(ARGV[8])

local sent, since, last, by = unpack(redis.call('HMGET', KEYS[1], 'sent', 'since', 'last', 'by'))
-- It is issued already where the answer to an earlier try was lost.
if by == ARGV[2] then return 0 end
sent, since, last = tonumber(sent or nil) or 0, tonumber(since or nil) or now, tonumber(last or nil)
if since + window <= now then sent, since = 0, now end
if last and now < last + pause then return last + pause - now end
if most <= sent then return since + window - now end
redis.call('HDEL', KEYS[1], 'answer')
redis.call('HSET', KEYS[1], 'code', ARGV[3], 'left', ARGV[5], 'ends', text(now + ttl), 'sent', sent + 1,
  'since', text(since), 'last', text(now), 'by', ARGV[2])
local keep = math.max(now + ttl, since + window, now + pause) - now
redis.call('PEXPIRE', KEYS[1], text(math.ceil(keep / 1000)))
return 0
