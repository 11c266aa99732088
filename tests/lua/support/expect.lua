--- Expectations that many specs share.
local assert = require "luassert"

local expect = {}

--- f(...) raises an error whose message holds `parts`: a text, or a list of texts. Returns the error.
function expect.refused(parts, f, ...)
  local ok, problem = pcall(f, ...)
  assert.is_false(ok, "an error was expected")
  for _, part in ipairs(type(parts) == "table" and parts or { parts }) do
    assert.is_truthy(tostring(problem):find(part, 1, true), ("%q is not in: %s"):format(part, problem))
  end
  return problem
end

--- Numbers, or nested tables of them, equal to `tolerance` (1e-6), relative where they are large.
function expect.near(expected, got, tolerance)
  if type(expected) == "number" then
    assert.is_true(math.abs(expected - got) <= (tolerance or 1e-6) * (1 + math.abs(expected)),
      ("%g is not %g"):format(got, expected))
    return
  end
  assert.are.equal(#expected, #got)
  for i = 1, #expected do expect.near(expected[i], got[i], tolerance) end
end

return expect
