-- Takes a share of a lock if there is one, and mints its fence. Who came first is served first.
--
-- KEYS[1]  the shares: kind and token of each holder, by the end of the lease in microseconds
-- KEYS[2…] as for acquiring
-- ARGV     now | token | ttl: ms | 1: waits if it can't be had
--          | kind: r (beside other readers), w (alone), p (one of some) | of how many
--          | the channel of wake-ups
-- Answer   as for acquiring, until a share ends
local token, waits, kind, most = ARGV[2], ARGV[4] == '1', ARGV[5], tonumber(ARGV[6])
local share = kind .. ' ' .. token

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', whole(now()))
local is_held = redis.call('ZSCORE', KEYS[1], share)
local last, given_up = tonumber(redis.call('GET', KEYS[2]) or nil), redis.call('GET', KEYS[3])
local busy = { -1, last or 0 }
local count = redis.call('ZCARD', KEYS[1])
if not is_held then
  -- It was given up while this question was on its way.
  if given_up and string.find(given_up, '\n' .. token .. '\n', 1, true) then return busy end
  local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  local fits = count == 0
  -- A writer is alone, so it is the first.
  if kind == 'r' then fits = fits or string.sub(next[1], 1, 1) == 'r' end
  if kind == 'p' then fits = count < most end
  local head = first()
  local is_turn = not head or head == token
  if not (fits and is_turn) then
    if waits then line_up(token) end
    if fits then wake(head, 0) else busy[1] = math.ceil((tonumber(next[2]) - now()) / 1000) end
    return busy
  end
  count = count + 1
end
redis.call('ZADD', KEYS[1], whole(now() + ARGV[3] * 1000), share)
end_with_the_last(KEYS[1])
if waits then leave(token) end
local fence = mint(KEYS[2], now())

-- There may be a share for the next one, too.
local head = kind ~= 'w' and (kind == 'r' or count < most) and first()
if head then wake(head, 0) end
return fence
