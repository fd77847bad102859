local function is_holder(holder, token)
  return holder == token or holder == token .. WAITED_FOR
end
