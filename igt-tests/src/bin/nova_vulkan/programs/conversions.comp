// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer A { uint a[]; };
layout(binding = 1) writeonly buffer B { uvec4 b[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint u = a[i];
    float f = uintBitsToFloat(u);
    b[i * 4] = uvec4(int(f), uint(f), floatBitsToUint(float(u)), floatBitsToUint(float(int(u))));
    b[i * 4 + 1] = uvec4(floatBitsToUint(floor(f)), floatBitsToUint(ceil(f)),
                         floatBitsToUint(trunc(f)), floatBitsToUint(roundEven(f)));
    b[i * 4 + 2] = uvec4(packHalf2x16(vec2(f, f)), floatBitsToUint(unpackHalf2x16(u)),
                         isnan(f) ? 1 : isinf(f) ? 2 : 0);
    b[i * 4 + 3] = uvec4(floatBitsToUint(min(f, 1.0)), floatBitsToUint(max(f, 1.0)),
                         floatBitsToUint(clamp(f, 0.0, 1.0)), floatBitsToUint(abs(-f)));
}
