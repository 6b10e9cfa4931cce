// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 64) in;
layout(binding = 0) buffer A { uint a[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint table[32];
    for (uint k = 0; k < 32; k++)
        table[k] = a[i] * (k + 1);
    uint j = a[i];
    for (uint k = 0; k < 100; k++) {
        j = table[j & 31] + k;
        table[k & 31] ^= j;
    }
    a[i] = j;
}
