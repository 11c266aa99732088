--- Batches of two parts: real rows, which come first, and simulated ones.
local parts = {}

--- The real rows and the simulated rows of a tensor; nil for a part that has none.
function parts.split(t, n_real)
  local n = #t
  return n_real > 0 and t:rows(1, n_real) or nil, n_real < n and t:rows(n_real + 1, n) or nil
end

--- Observations, actions and next observations of a batch's simulated rows, or nil without any.
function parts.simulated(batch)
  local first, last = batch.n_real + 1, #batch.observations
  if first > last then return nil end
  return { observations = batch.observations:rows(first, last), actions = batch.actions:rows(first, last),
           next_observations = batch.next_observations:rows(first, last) }
end

return parts
