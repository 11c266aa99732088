local json = require "tide.json"

describe("json", function()
  it("writes sorted keys, the same value always the same text", function()
    local function build(order)
      local t = {}
      for _, key in ipairs(order) do t[key] = { nested = { z = 1, a = { 1, 2, 3 } } } end
      return t
    end
    assert.equal(json.encode(build { "b", "a", "c" }), json.encode(build { "c", "b", "a" }))
    assert.equal('{"a":{"x":1},"b":[true,"t"],"c":{}}', json.encode { c = {}, b = { true, "t" }, a = { x = 1 } })
  end)

  it("reads back every number exactly", function()
    local numbers = { 0.1, 1 / 3, 2 ^ 53, 1e300, 5e-324, -1.5, 3.4028234663852886e38, 123456789, math.maxinteger, 1e6 }
    local seed = 7
    for i = 1, 1000 do
      seed = (seed * 1103515245 + 12345) % 2147483648
      numbers[#numbers + 1] = (seed / 2147483648 - 0.5) * 10 ^ (i % 40 - 20)
    end
    for _, x in ipairs(numbers) do
      local text = json.encode(x)
      assert.is_true(tonumber(text) == x, text)
    end
    assert.equal("1000000", json.encode(1e6))
  end)

  it("has words for what JSON has no numbers for", function()
    assert.equal('["nan","inf","-inf"]', json.encode { 0 / 0, math.huge, -math.huge })
    local nan = json.number(json.decode('["nan"]')[1])
    assert.is_true(nan ~= nan)
    assert.equal(math.huge, json.number("inf"))
    assert.equal(-math.huge, json.number("-inf"))
    assert.is_nil(json.number("none"))
  end)

  it("keeps every text, and stays valid where the text is not UTF-8", function()
    for _, text in ipairs { 'quote " and \\ slash', "line\nbreak\ttab\r", "\0\1\31\127", "Größe ×2", "" } do
      assert.equal(text, json.decode(json.encode { text })[1])
    end
    assert.equal("\u{e9}", json.decode(json.encode { "\xe9" })[1])
  end)

  it("names the path of what it cannot write", function()
    assert.error_matches(function() json.encode { agent = { f = print } } end, "value%.agent%.f is a function")
    assert.error_matches(function() json.encode { a = { [1.5] = 1 } } end, "value%.a has the key 1%.5")
    local circle = {}
    circle.circle = circle
    assert.error_matches(function() json.encode(circle) end, "too deep")
  end)

  it("says which file is not JSON", function()
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write('{"a": 1')
    file:close()
    local value, problem = json.read(name)
    assert.is_nil(value)
    assert.is_truthy(problem:find(name, 1, true))
    os.remove(name)
    assert.is_nil((json.read(name)))
  end)
end)
