"""What a person says about a step."""

from typing import Any

from django import forms
from django.db.models import Q

from accounts.models import User
from approvals.models import DECIDING_ROLES, ApprovalStep
from approvals.services.decisions import APPROVE, REJECT, RETURN
from approvals.wording import MOST

CHOICES = ((APPROVE, "Approve"), (RETURN, "Return for changes"), (REJECT, "Reject"))


class DecisionForm(forms.Form):
    """An explicit choice, a comment, and the digest of what was shown. Nothing is preselected."""

    decision = forms.ChoiceField(
        choices=CHOICES,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose what you decide.",
            "invalid_choice": "Choose approve, return or reject.",
        },
    )
    comment = forms.CharField(
        required=False,
        max_length=MOST,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Needed to reject; tells the requester what to change when you return it.",
    )
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("decision") == REJECT and not data.get("comment"):
            self.add_error("comment", "Say why it is rejected.")
        return data


class ForwardForm(forms.Form):
    """Who should decide instead, and why."""

    to = forms.ModelChoiceField(queryset=User.objects.none(), label="Forward to")
    comment = forms.CharField(
        required=False, max_length=MOST, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, step: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].queryset = (
            User.objects.filter(
                entity=step.entity_id,
                is_active=True,
                role_assignments__entity=step.entity_id,
                role_assignments__role__in=DECIDING_ROLES,
            )
            .exclude(pk__in=[step.assignee_id, step.request.requester_id])
            .order_by("name")
            .distinct()
        )


class QuestionForm(forms.Form):
    """Whom to ask, and what: the requester, or somebody else of the round."""

    of = forms.ModelChoiceField(queryset=User.objects.none(), label="Ask", empty_label=None)
    question = forms.CharField(max_length=MOST, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, step: ApprovalStep, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        round_ = step.request
        part = Q(pk=round_.requester_id) | Q(approval_steps__request=round_)
        field = self.fields["of"]
        field.queryset = (
            User.objects.filter(part).exclude(pk__in=[user.pk]).distinct().order_by("name")
        )
        field.initial = round_.requester_id


class AddApproverForm(forms.Form):
    """Who should agree as well."""

    person = forms.ModelChoiceField(queryset=User.objects.none(), label="Also ask")
    comment = forms.CharField(
        required=False, max_length=MOST, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, step: ApprovalStep, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = step.request.steps.exclude(status__in=ApprovalStep.GONE).values("assignee")
        self.fields["person"].queryset = (
            User.objects.filter(
                entity=step.entity_id, is_active=True, role_assignments__role__in=DECIDING_ROLES
            )
            .exclude(pk__in=[user.pk, step.request.requester_id])
            .exclude(pk__in=asked)
            .distinct()
            .order_by("name")
        )


class AnswerForm(forms.Form):
    answer = forms.CharField(
        label="Your answer", max_length=MOST, widget=forms.Textarea(attrs={"rows": 4})
    )
