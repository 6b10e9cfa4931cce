// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer A { uint a[]; };
layout(binding = 1) buffer B { uint bins[16]; };
shared uint part[16];

void main()
{
    uint i = gl_LocalInvocationIndex;
    if (i < 16)
        part[i] = 0;
    barrier();
    uint word = a[gl_GlobalInvocationID.x];
    for (uint shift = 0; shift < 32; shift += 4)
        atomicAdd(part[(word >> shift) & 15], 1);
    barrier();
    if (i < 16)
        atomicAdd(bins[i], part[i]);
}
