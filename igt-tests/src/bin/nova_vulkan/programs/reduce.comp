// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 128) in;
layout(binding = 0) readonly buffer A { uint a[]; };
layout(binding = 1) writeonly buffer B { uint b[]; };
shared uint part[128];

void main()
{
    uint i = gl_LocalInvocationIndex;
    part[i] = a[gl_GlobalInvocationID.x];
    for (uint half_ = 64; half_ > 0; half_ >>= 1) {
        barrier();
        if (i < half_)
            part[i] += part[i + half_];
    }
    if (i == 0)
        b[gl_WorkGroupID.x] = part[0];
}
