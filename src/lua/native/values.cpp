#include "values.h"

#include "name_bytes.h"

namespace bricks {

LuaValue ValueFromJs(Napi::Value value, int depth) {
  LuaValue result;
  if (depth > kDeepestTable) throw Napi::Error::New(value.Env(), "a table is nested too deeply for Lua");
  if (value.IsUndefined() || value.IsNull()) return result;
  if (value.IsBoolean()) {
    result.kind = LuaValue::Kind::Boolean;
    result.boolean = value.As<Napi::Boolean>();
  } else if (value.IsNumber()) {
    result.kind = LuaValue::Kind::Number;
    result.number = value.As<Napi::Number>();
  } else if (value.IsBigInt()) {
    bool lossless = false;
    result.kind = LuaValue::Kind::Number;
    result.number = static_cast<double>(value.As<Napi::BigInt>().Int64Value(&lossless));
  } else if (value.IsString()) {
    result.kind = LuaValue::Kind::String;
    result.text = BytesOfText(value.As<Napi::String>());
  } else if (value.IsArray()) {
    result.kind = LuaValue::Kind::List;
    Napi::Array list = value.As<Napi::Array>();
    result.items.reserve(list.Length());
    for (uint32_t index = 0; index < list.Length(); ++index) {
      Napi::HandleScope scope(value.Env());
      result.items.push_back(ValueFromJs(list.Get(index), depth + 1));
    }
  } else if (value.IsObject() && !value.IsFunction()) {
    result.kind = LuaValue::Kind::Table;
    Napi::Object object = value.As<Napi::Object>();
    Napi::Array names = object.GetPropertyNames();
    for (uint32_t index = 0; index < names.Length(); ++index) {
      Napi::HandleScope scope(value.Env());
      Napi::Value name = names.Get(index);
      result.names.push_back(BytesOfText(name.ToString()));
      result.items.push_back(ValueFromJs(object.Get(name), depth + 1));
    }
  } else {
    throw Napi::Error::New(value.Env(), "a value of this kind can't be given to Lua");
  }
  return result;
}

void PushValue(lua_State* L, const LuaValue& value) {
  switch (value.kind) {
    case LuaValue::Kind::Nil:
      lua_pushnil(L);
      break;
    case LuaValue::Kind::Boolean:
      lua_pushboolean(L, value.boolean);
      break;
    case LuaValue::Kind::Number:
      lua_pushnumber(L, value.number);
      break;
    case LuaValue::Kind::String:
      lua_pushlstring(L, value.text.data(), value.text.size());
      break;
    case LuaValue::Kind::List:
      luaL_checkstack(L, 3, "values");
      lua_createtable(L, static_cast<int>(value.items.size()), 0);
      for (size_t index = 0; index < value.items.size(); ++index) {
        PushValue(L, value.items[index]);
        lua_rawseti(L, -2, static_cast<int>(index + 1));
      }
      break;
    case LuaValue::Kind::Table:
      luaL_checkstack(L, 3, "values");
      lua_createtable(L, 0, static_cast<int>(value.items.size()));
      for (size_t index = 0; index < value.items.size(); ++index) {
        lua_pushlstring(L, value.names[index].data(), value.names[index].size());
        PushValue(L, value.items[index]);
        lua_rawset(L, -3);
      }
      break;
  }
}

namespace {

Napi::Value TableToJs(Napi::Env env, lua_State* L, int index, int depth) {
  if (depth > kDeepestTable) throw Napi::Error::New(env, "a table is nested too deeply, or holds itself");
  const size_t length = lua_objlen(L, index);
  size_t entries = 0;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) ++entries;
  if (length > 0 && entries == length) {
    Napi::Array list = Napi::Array::New(env, length);
    for (size_t position = 1; position <= length; ++position) {
      Napi::HandleScope scope(env);
      lua_rawgeti(L, index, static_cast<int>(position));
      list.Set(static_cast<uint32_t>(position - 1), ValueToJs(env, L, lua_gettop(L), depth + 1));
      lua_pop(L, 1);
    }
    return list;
  }
  Napi::Object object = Napi::Object::New(env);
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
    Napi::HandleScope scope(env);
    const int key = lua_gettop(L) - 1;
    if (lua_type(L, key) == LUA_TSTRING) {
      object.Set(ValueToJs(env, L, key, depth + 1), ValueToJs(env, L, key + 1, depth + 1));
    } else if (lua_type(L, key) == LUA_TNUMBER) {
      object.Set(Napi::Number::New(env, lua_tonumber(L, key)), ValueToJs(env, L, key + 1, depth + 1));
    } else {
      throw Napi::Error::New(env, "the keys of a table given here must be strings or numbers");
    }
  }
  return object;
}

}  // namespace

Napi::Value ValueToJs(Napi::Env env, lua_State* L, int index, int depth) {
  switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
      return env.Undefined();
    case LUA_TBOOLEAN:
      return Napi::Boolean::New(env, lua_toboolean(L, index) != 0);
    case LUA_TNUMBER:
      return Napi::Number::New(env, lua_tonumber(L, index));
    case LUA_TSTRING: {
      size_t length = 0;
      const char* bytes = lua_tolstring(L, index, &length);
      return TextOfBytes(env, bytes, length);
    }
    case LUA_TTABLE:
      return TableToJs(env, L, index, depth);
    default:
      throw Napi::Error::New(env, std::string("a ") + lua_typename(L, lua_type(L, index)) + " can't be given here");
  }
}

}  // namespace bricks
