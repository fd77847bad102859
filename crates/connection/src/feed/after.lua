-- Reads the entries behind one, and says whether that one is there.
-- KEYS[1] stream
-- ARGV[1] now (unused: entries are numbered by the server), [2] id, [3] the most entries
local known = ARGV[2] == '0-0' or #redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2]) > 0
return { known and 1 or 0, redis.call('XRANGE', KEYS[1], '(' .. ARGV[2], '+', 'COUNT', ARGV[3]) }
