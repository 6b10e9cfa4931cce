// SPDX-License-Identifier: MIT
#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer A { uint a[]; };
layout(binding = 1) writeonly buffer B { uvec4 b[]; };
layout(binding = 2) writeonly buffer C { uint64_t c[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint v = a[i], u = a[i + 1];
    uint high, low;
    umulExtended(v, u, high, low);
    b[i * 4] = uvec4(bitCount(v), findMSB(v), findMSB(int(u)), findLSB(v));
    b[i * 4 + 1] = uvec4(bitfieldReverse(v), bitfieldExtract(v, 3, int(u & 15)),
                         bitfieldExtract(int(v), 2, int(u & 15)), bitfieldInsert(v, u, 4, 9));
    b[i * 4 + 2] = uvec4(high, v / (u | 1), int(v) % (int(u) | 3), abs(int(v)));
    b[i * 4 + 3] = uvec4(min(u, v), max(int(u), int(v)), v << (u & 31), int(v) >> (u & 31));
    uint64_t x = uint64_t(v) << 32 | u, y = uint64_t(u) << 32 | v;
    c[i * 4] = x * y + (x >> (u & 63));
    c[i * 4 + 1] = x < y ? x - y : y << (v & 63);
    c[i * 4 + 2] = y - (x >> 3);
    c[i * 4 + 3] = min(x, y) ^ uint64_t(int64_t(x) >> 7);
}
